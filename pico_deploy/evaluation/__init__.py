"""Rate and distortion on a folder of photos, with real file sizes, against the codecs of today."""
