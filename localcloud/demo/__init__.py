"""The demonstration: real photos through the real function, shown in the terminal and on a page."""
