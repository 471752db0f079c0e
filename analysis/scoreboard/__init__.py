"""The paper's figures beside the observed and the modelled ones."""
