"""What drivers of HMM-Local import, served to them alone (see ``namespace``)."""
