# SPDX-License-Identifier: MIT
# Makes README.md's table of the stable knobs from lib/conf/knobs.def; a test compares the two.
BEGIN {
    print "| variable | default | what it does |"
    print "| --- | --- | --- |"
}
/^HAK_KNOB\(/ {
    split($0, field, /[(,] */)
    split($0, after, /"[^"]*", */)
    name = "HAKMEM_" toupper(field[2])
    value = $0
    sub(/^HAK_KNOB\([a-z_]+, *[A-Z]+, */, "", value)
    sub(/,.*/, "", value)
    kind = field[3]
    stable = after[2] ~ /^STABLE/
    if (value ~ /^HAK_[KMG]IB/) {
        unit = tolower(substr(value, 5, 1))
        gsub(/[^0-9]/, "", value)
        value = value unit
    }
    if (kind == "PERCENT")
        value = value " %"
    if (kind == "CHOICE") {
        words = $0
        sub(/^([^"]*, *)?"/, "", words)
        sub(/".*/, "", words)
        split(words, choice, /, | or /)
        value = choice[value + 1]
    }
    if (kind == "TEXT")
        value = "none"
    if (kind == "BOOL")
        value = value == "1" ? "yes" : "no"
    next
}
/^ *".*"\)$/ && stable {
    help = $0
    gsub(/^ *"|"\)$/, "", help)
    print "| `" name "` | " value " | " help " |"
    stable = 0
}
