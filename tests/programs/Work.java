// SPDX-License-Identifier: MIT
// What java.sh compiles and runs: prints sums of work on maps, buffers, threads and children.
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    record Entry(String key, long value) {}

    static long maps(int seed, int count) {
        Random random = new Random(seed);
        Map<String, List<Entry>> map = new HashMap<>();
        for (int i = 0; i < count; i++) {
            String key = "key" + random.nextInt(3000);
            map.computeIfAbsent(key, k -> new ArrayList<>())
                .add(new Entry(key, random.nextInt(99)));
            if (random.nextInt(100) == 0) {
                map.remove("key" + random.nextInt(3000));
            }
        }
        return new TreeMap<>(map).values().stream().flatMap(List::stream)
            .mapToLong(e -> e.value() * e.key().hashCode()).sum();
    }

    static long buffers(int seed) {
        Random random = new Random(seed);
        ByteBuffer[] kept = new ByteBuffer[50];
        long sum = 0;
        for (int i = 0; i < 1000; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 + random.nextInt(60000));
            buffer.put(buffer.capacity() - 1, (byte) i);
            kept[random.nextInt(kept.length)] = buffer;
            sum += buffer.get(0);
        }
        for (ByteBuffer buffer : kept) {
            sum += buffer == null ? 0 : buffer.get(buffer.capacity() - 1);
        }
        return sum;
    }

    static long zip(int seed) throws DataFormatException {
        byte[] input = new byte[200_000];
        Random random = new Random(seed);
        for (int i = 0; i < input.length; i++) {
            input[i] = (byte) random.nextInt(20);
        }
        CRC32 crc = new CRC32();
        for (int level = 1; level <= 9; level += 4) {
            Deflater deflater = new Deflater(level);
            deflater.setInput(input);
            deflater.finish();
            byte[] packed = new byte[400_000];
            int length = deflater.deflate(packed);
            deflater.end();
            Inflater inflater = new Inflater();
            inflater.setInput(packed, 0, length);
            byte[] output = new byte[input.length];
            inflater.inflate(output);
            inflater.end();
            crc.update(packed, 0, length);
            crc.update(output);
        }
        return crc.getValue();
    }

    public static void main(String[] arguments) throws Exception {
        int scale = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
        ExecutorService pool = Executors.newFixedThreadPool(6);
        List<Future<Long>> answers = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int seed = i;
            answers.add(pool.submit(() -> maps(seed, 20_000 * scale)));
            answers.add(pool.submit(() -> buffers(seed)));
            answers.add(pool.submit(() -> zip(seed)));
        }
        for (Future<Long> answer : answers) {
            System.out.println(answer.get());
        }
        pool.shutdown();
        long sum = 0;
        for (int round = 0; round < 30; round++) {
            LongAdder adder = new LongAdder();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int number = i;
                threads.add(new Thread(() -> adder.add("x".repeat(number * 100).hashCode())));
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            sum += adder.sum();
        }
        System.out.println(sum);
        System.out.println(IntStream.range(0, 200_000).parallel().mapToObj(Integer::toString)
            .collect(Collectors.groupingByConcurrent(String::length, Collectors.counting())));
        for (int i = 1; i <= 8; i++) {
            Process child = new ProcessBuilder("seq", "1", i + "000").start();
            String said = new String(child.getInputStream().readAllBytes());
            System.out.println(said.hashCode() + " " + child.waitFor());
        }
        System.gc();
    }
}
