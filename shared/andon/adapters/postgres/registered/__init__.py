"""What was registered: functions, the rules that runs were made with, schedules."""
