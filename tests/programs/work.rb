# SPDX-License-Identifier: MIT
# What ruby.sh runs: prints digests of work on hashes, strings, objects, threads and processes.
require 'digest'
require 'json'
require 'open3'
require 'set'
require 'zlib'

SCALE = (ARGV[0] || 1).to_i
random = Random.new(42)

def say(what, value)
  puts "#{what}: #{Digest::SHA1.hexdigest(value.to_s)}"
end

words = Hash.new { |hash, key| hash[key] = [] }
(60_000 * SCALE).times { words[random.rand(9000).to_s(36) * (1 + random.rand(6))] << random.rand(999) }
say 'hash', words.sort.to_a
say 'json', JSON.parse(JSON.generate(words)).map { |key, list| [key.reverse, list.sum] }
text = words.keys.join(' ')
say 'regex', text.gsub(/(\w)\1/) { |pair| "<#{pair.upcase}>" }.scan(/<\w+>/).tally.sort
say 'zlib', Zlib::Inflate.inflate(Zlib::Deflate.deflate(text * 5, 6)).size

Node = Struct.new(:left, :right, :name)
def grow(depth)
  return nil if depth.zero?

  Node.new(grow(depth - 1), grow(depth - 1), "node #{depth} " * (depth % 5))
end

def weigh(node)
  node ? node.name.size + weigh(node.left) + weigh(node.right) : 0
end
kept = Array.new(8) { grow(12) }
10.times do |round|
  kept[round % 8] = grow(13)
  GC.start
end
GC.compact if GC.respond_to?(:compact)
say 'trees', kept.map { |tree| weigh(tree) }

queue = Queue.new
threads = Array.new(6) do |number|
  Thread.new do
    own = Random.new(number)
    list = Array.new(15_000) { 'abc' * own.rand(40) }
    queue << [number, list.map(&:size).sum, Digest::SHA1.hexdigest(list.join)]
  end
end
threads.each(&:join)
say 'threads', Array.new(queue.size) { queue.pop }.sort
say 'ractor', [1, 2, 3].to_set.superset?(Set[2])

children = Array.new(20) do |number|
  reader, writer = IO.pipe
  pid = fork do
    reader.close
    writer.puts words.sum { |key, list| key.size * list.size } + number
    writer.close
    exit!(0)
  end
  writer.close
  [pid, reader]
end
say 'fork', children.map { |pid, reader| reader.read.tap { Process.wait(pid) } }
say 'spawn', Array.new(10) { |i| Open3.capture2('sort', stdin_data: "b\na\n#{i}\n")[0] }
