# SPDX-License-Identifier: MIT
# A strict reader of Prometheus's text format, version 0.0.4: what promtool would complain of.
function complain(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}
/^# HELP / {
    if (($3 in helped) || !match($3, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/) || NF < 4)
        complain("HELP twice, without text, or of no name")
    helped[$3] = 1
    next
}
/^# TYPE / {
    if (($3 in type) || NF != 4 || ($4 != "counter" && $4 != "gauge"))
        complain("TYPE twice or unknown")
    if (!($3 in helped))
        complain("TYPE without HELP")
    if (($4 == "counter") != ($3 ~ /_total$/))
        complain("a counter and only a counter ends in _total")
    type[$3] = $4
    current = $3
    next
}
{
    if (!match($0, /^[a-zA-Z_:][a-zA-Z0-9_:]*/))
        complain("no metric")
    name = substr($0, 1, RLENGTH)
    rest = substr($0, RLENGTH + 1)
    if (name != current)
        complain("a sample of " name " among those of " current)
    if (rest !~ /^\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\} -?[0-9]+$/)
        complain("labels or value: " rest)
    if ($0 in seen || (substr($0, 1, length($0) - length($NF))) in sample)
        complain("a sample twice")
    sample[substr($0, 1, length($0) - length($NF))] = 1
    samples++
}
END {
    for (metric in type)
        metrics++
    if (metrics < 20 || samples < 20)
        complain("too few metrics")
    exit bad
}
