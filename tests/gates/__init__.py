"""Would a check that guards Weir really turn red? Each gate is shown something it must refuse."""
