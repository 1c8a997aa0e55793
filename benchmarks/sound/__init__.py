"""Flows of sound: spoken digits, a vocoder, and the speed of their layers."""
