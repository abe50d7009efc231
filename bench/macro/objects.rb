# SPDX-License-Identifier: MIT
# Arrays, hashes, strings and objects, for the row ruby_objects. The argument is the share of the
# work in percent.
Point = Struct.new(:x, :y, :name)
total = 0
[1, 10 * ARGV[0].to_i / 100].max.times do
  points = Array.new(60_000) { |i| Point.new(i, i * 2.5, "point #{i}" * (i % 6 + 1)) }
  groups = points.group_by { |p| p.x % 997 }
  table = groups.transform_values { |g| g.map(&:name).join(',') }
  total += table.values.sum(&:length)
end
puts total
