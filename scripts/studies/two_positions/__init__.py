"""Two positions: does a convolution with global pooling know where a digit is?"""
