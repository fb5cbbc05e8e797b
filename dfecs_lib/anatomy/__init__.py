"""What a face is made of: the 3-D head, the muscles and their pulls, the lines that join its keypoints."""
