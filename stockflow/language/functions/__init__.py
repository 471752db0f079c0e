"""The functions of both dialects, each as the expressions that it stands for."""
