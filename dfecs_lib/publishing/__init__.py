"""What notebooks and the book need: runs, results, published figures, the explorer's data, pages, print."""
