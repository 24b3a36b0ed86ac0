"""Equivariance: does moving the input of a layer move its output, and change nothing else?"""
