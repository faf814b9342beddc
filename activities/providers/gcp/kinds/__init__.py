"""The kinds of Google Cloud, one file each. None imports the SDK: the control queue plans Google Cloud without it."""
