"""The clouds: one folder each, with one door that opens SDK clients, one file a kind. They do not know each other."""
