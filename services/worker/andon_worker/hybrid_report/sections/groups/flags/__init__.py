"""How often a flag is set in one group and in another, as what was bought by variant: counted, told and drawn."""
