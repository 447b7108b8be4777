"""What scripts/bench does, in small parts.

    machine   what this computer is, and how busy others keep it
    setup     installs the peers and builds ours
    process   runs a target on one core and a generator on another, and reads what they cost
    clients   the command lines of loadgen and its peers, and how their reports are read
    cases     what is measured
    examples  runs those of benches/examples
    sustained half an hour of a load that must be boring
    figures   arithmetic
    results   benches/results/DATE.json and .md, the tables in both READMEs
"""
