"""The kinds of Azure, one file each. None imports the SDK: the control queue plans Azure without it."""
