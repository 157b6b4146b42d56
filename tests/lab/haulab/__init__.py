"""The lab: two real hosts and a client on one machine. See ../README.md."""
