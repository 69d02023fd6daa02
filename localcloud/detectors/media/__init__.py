"""Judges video and sound with the help of ffmpeg."""
