"""Who asks, and what they may do: keys, signatures, temporary credentials, policies, ACLs."""
