# SPDX-License-Identifier: MIT
# Reads what `protoc --decode` prints of a profile. Prints a line `type NAME UNIT` for each sample
# type, `period N`, `build-id ID FILE` for each mapping in use, and for each function the values of
# the samples that have it anywhere in their stack: `function NAME V1 V2 V3 V4` and
# `peak NAME V5 V6`. Says what is wrong.
/\{$/ { depth++; kind[depth] = $1; if (depth == 1) begin($1); next }
/^ *\}$/ { if (depth == 1) finish(); depth--; next }
{ key = $1; sub(/:$/, "", key); value = $0; sub(/^[^:]*: /, "", value) }
key == "string_table" { gsub(/^"|"$/, "", value); text[strings++] = value; next }
depth == 0 && key == "period" { period = value; next }
key == "location_id" { stack[samples, ++frames[samples]] = value; next }
key == "value" { number[samples, ++values[samples]] = value; next }
kind[1] == "line" || kind[depth] == "line" { if (key == "function_id") line_of = value; next }
{ field[key] = value }
function begin(name) {
    delete field
    line_of = 0
    if (name == "sample")
        samples++
}
function finish() {
    if (kind[1] == "sample_type") {
        type[++types] = field["type"]; unit[types] = field["unit"]
    } else if (kind[1] == "mapping") {
        file[field["id"]] = field["filename"]; build[field["id"]] = field["build_id"]
        start[field["id"]] = field["memory_start"]; limit[field["id"]] = field["memory_limit"]
    } else if (kind[1] == "location") {
        function_of[field["id"]] = line_of; mapping_of[field["id"]] = field["mapping_id"]
        address[field["id"]] = field["address"]; known[field["id"]] = 1
    } else if (kind[1] == "function") {
        name_of[field["id"]] = field["name"]
    }
}
END {
    if (text[0] != "") { print "wrong: the first string is not empty"; exit }
    for (i = 1; i <= types; i++)
        print "type", text[type[i]], text[unit[i]]
    print "period", period
    for (i = 1; i <= samples; i++) {
        if (values[i] != types) print "wrong: sample with " values[i] " values"
        split("", seen)
        for (k = 1; k <= frames[i]; k++) {
            id = stack[i, k]
            if (!known[id]) print "wrong: location " id
            used[mapping_of[id]] = 1
            m = mapping_of[id]
            if (m && (address[id] < start[m] || address[id] >= limit[m]))
                print "wrong: location " id " is not in its mapping"
            name = function_of[id] ? text[name_of[function_of[id]]] : "?"
            if (name in seen) continue
            seen[name] = 1
            for (v = 1; v <= types; v++) sum[name, v] += number[i, v]
            names[name] = 1
        }
    }
    for (id in used)
        if (id) print "build-id", text[build[id]], text[file[id]]
    for (name in names)
        printf "function %s %.0f %.0f %.0f %.0f\n", name, sum[name, 1], sum[name, 2], sum[name, 3],
            sum[name, 4]
    for (name in names)
        printf "peak %s %.0f %.0f\n", name, sum[name, 5], sum[name, 6]
}
