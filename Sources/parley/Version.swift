/// The command's version, as it stands in everything that a run writes.
let parleyVersion = "0.1.0"
