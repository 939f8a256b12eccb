// The library is loaded by name; nothing is called.
