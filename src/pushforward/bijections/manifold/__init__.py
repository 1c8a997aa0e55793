"""Maps of circles, tori and spheres."""
