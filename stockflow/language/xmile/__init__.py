"""XMILE files: their elements, modules and conveyors, and the grammar of their equations."""
