"""What a program needs of this machine: folders in use or writable, and children that end with it."""
