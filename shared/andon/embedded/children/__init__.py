"""Child processes: started so that they end with this one, supervised, ended, and found if they were left."""
