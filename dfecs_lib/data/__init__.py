"""Every way in which faces come in: manifest, fetching, checking, readers. It says what files say, decides nothing."""
