"""What the world is: equations, cases, policies and scenarios."""
