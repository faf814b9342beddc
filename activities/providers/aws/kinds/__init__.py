"""The kinds of AWS, one file each. None imports the SDK: the control queue plans AWS without it."""
