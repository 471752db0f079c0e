"""From observations and a model to estimates: targets, likelihood, optimiser, sampler, profiles."""
