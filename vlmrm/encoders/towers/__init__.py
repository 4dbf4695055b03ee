"""What is inside a tower: attention, last linear maps, gradients, learned words and low-rank changes."""
