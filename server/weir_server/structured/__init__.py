"""Does the answer follow the schema it was asked for? Said, held back, judged and asked again."""
