"""Very many runs of a study in one store on disk: written in blocks, resumed, spread over a cluster."""
