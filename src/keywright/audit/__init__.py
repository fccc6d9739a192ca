"""The record of what happened: who, what, from where, with which outcome."""
