/// A correct workload file, to be spoilt line by line.
let sound = """
    name: sound
    users: 1000
    messagesPerSecond: 0.01
    bodyBytes: 128
    rampUp: 20 s
    duration: 60 s
    settle: 1.5 s
    conversations:
      - { members: 2, perUser: 3 }
      - { members: 10, perUser: 1 }
      - { members: 34, perUser: 1 }
    cohorts:
      - { name: sdk, share: 3 }
      - { name: hasty, share: 1, commandTimeout: 2 s }
    """
