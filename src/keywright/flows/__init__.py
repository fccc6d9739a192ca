"""The stories that cross domains: sign up, sign in, stay signed in, recover. One file each."""
