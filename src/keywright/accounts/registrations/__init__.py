"""Sign-ups that wait for proof of their e-mail address; several may wait for one address."""
