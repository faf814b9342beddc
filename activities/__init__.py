"""Do one cloud verb at a time, so that doing it again changes nothing more."""
