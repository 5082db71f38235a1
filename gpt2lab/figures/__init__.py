"""Figures: colours and type, drawing on pictures, plots, diagrams. Below both panels and explorer."""
