import com.amazon.randomcutforest.config.TransformMethod;
import com.amazon.randomcutforest.parkservices.AnomalyDescriptor;
import com.amazon.randomcutforest.parkservices.ThresholdedRandomCutForest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Scores every CSV (timestamp,value) below a directory with a thresholded Random Cut Forest, online.
 *
 * <p>java -cp 'LIBRARIES/*' RandomCutForestScores.java DATA OUT TRANSFORM
 *
 * <p>Writes OUT/score/&lt;same path> and OUT/grade/&lt;same path> with the columns timestamp,anomaly_score (0..1): the
 * forest's score as s / (1 + s), of which only the order matters, and the grade its own threshold makes of it. A
 * missing value scores 0 and is not learnt. Prints rows, rows per second of this thread's CPU time and bytes of live
 * heap per series.
 */
public class RandomCutForestScores {

    private static final int SERIES_WEIGHED = 20;

    public static void main(String[] args) throws IOException {
        Path data = Path.of(args[0]);
        Path out = Path.of(args[1]);
        TransformMethod transform = TransformMethod.valueOf(args[2]);
        List<Path> files;
        try (var found = Files.walk(data)) {
            files = found.filter(p -> p.toString().endsWith(".csv")).sorted().toList();
        }
        long rows = 0;
        long spentNs = 0;
        for (Path file : files) {
            List<String> lines = Files.readAllLines(file);
            List<String> scores = new ArrayList<>(List.of("timestamp,anomaly_score"));
            List<String> grades = new ArrayList<>(List.of("timestamp,anomaly_score"));
            ThresholdedRandomCutForest forest = forest(transform);
            for (String line : lines.subList(Math.min(1, lines.size()), lines.size())) {
                String[] cells = line.split(",", -1);
                double value = number(cells[1]);
                double score = 0;
                double grade = 0;
                if (Double.isFinite(value)) {
                    long time = epoch(cells[0]);
                    long before = cpuNs();
                    AnomalyDescriptor found = forest.process(new double[] {value}, time);
                    spentNs += cpuNs() - before;
                    score = found.getRCFScore();
                    grade = found.getAnomalyGrade();
                    rows++;
                }
                scores.add(row(cells[0], score / (1 + score)));
                grades.add(row(cells[0], grade));
            }
            Path relative = data.relativize(file);
            write(out.resolve("score").resolve(relative), scores);
            write(out.resolve("grade").resolve(relative), grades);
            System.err.println(relative);
        }
        System.out.printf(Locale.ROOT, "%d %.1f %d%n", rows, rows / Math.max(1e-9, spentNs * 1e-9), bytesPerSeries(transform));
    }

    private static ThresholdedRandomCutForest forest(TransformMethod transform) {
        return ThresholdedRandomCutForest.builder()
                .dimensions(8)
                .shingleSize(8)
                .numberOfTrees(50)
                .sampleSize(256)
                .outputAfter(32)
                .initialAcceptFraction(32.0 / 256)
                .transformMethod(transform)
                .parallelExecutionEnabled(false)
                .randomSeed(42)
                .build();
    }

    /** Live heap of full forests, the mean of several. */
    private static long bytesPerSeries(TransformMethod transform) {
        long before = liveBytes();
        ThresholdedRandomCutForest[] forests = new ThresholdedRandomCutForest[SERIES_WEIGHED];
        for (int i = 0; i < SERIES_WEIGHED; i++) {
            forests[i] = forest(transform);
            for (int t = 0; t < 1000; t++) {
                forests[i].process(new double[] {Math.sin(t * 0.1 + i) + Math.cos(t * t * 0.7)}, t);
            }
        }
        long bytes = (liveBytes() - before) / forests.length;
        // Used once more, so that the collector could not have taken them.
        return forests[0].getForest().getTotalUpdates() > 0 ? bytes : 0;
    }

    private static long liveBytes() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long cpuNs() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    private static long epoch(String text) {
        String plain = text.strip();
        return plain.matches("\\d+")
                ? Long.parseLong(plain)
                : LocalDateTime.parse(plain.replace(' ', 'T')).toEpochSecond(ZoneOffset.UTC);
    }

    private static String row(String time, double score) {
        return time + "," + String.format(Locale.ROOT, "%.9g", score);
    }

    private static void write(Path file, List<String> lines) throws IOException {
        Files.createDirectories(file.getParent());
        Files.write(file, lines);
    }
}
