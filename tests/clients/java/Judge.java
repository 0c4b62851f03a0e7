import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch.cat.ElasticsearchCatClient;
import co.elastic.clients.elasticsearch.ml.ElasticsearchMlClient;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads everything there is of anomaly detection with the typed client, which refuses an answer that lacks a required
 * field or has one of another type. Prints a line for each operation: its name, a tab, how many things were read; or
 * its name, a tab, and what the client refused after "refused: ".
 *
 * <p>Argument: the address. judged.py makes what is read, under the names that are used here.
 */
public final class Judge {
    private interface Reading {
        long count() throws Exception;
    }

    private static final String JOB = "judged";
    private static final String CATEGORIES = "judged-categories";
    private static final String ALL = "judged*";

    public static void main(String[] arguments) throws Exception {
        try (ElasticsearchClient client = Version.client(arguments[0])) {
            for (Map.Entry<String, Reading> reading : readings(client.ml(), client.cat()).entrySet()) {
                System.out.println(reading.getKey() + "\t" + outcome(reading.getValue()));
            }
        }
    }

    private static String outcome(Reading reading) {
        try {
            return Long.toString(reading.count());
        } catch (Exception refusal) {
            StringBuilder causes = new StringBuilder("refused:");
            for (Throwable cause = refusal; cause != null; cause = cause.getCause()) {
                causes.append(' ').append(String.valueOf(cause.getMessage()).replaceAll("\\s+", " "));
            }
            return causes.toString();
        }
    }

    private static Map<String, Reading> readings(ElasticsearchMlClient ml, ElasticsearchCatClient cat) {
        Map<String, Reading> all = new LinkedHashMap<>();
        all.put("ml.flush_job", () -> ml.flushJob(r -> r.jobId(CATEGORIES).calcInterim(true)).flushed() ? 1 : 0);
        all.put("ml.forecast", () -> ml.forecast(r -> r.jobId(CATEGORIES)).forecastId().isEmpty() ? 0 : 1);
        all.put("ml.info", () -> ml.info().limits() == null ? 0 : 1);
        all.put("ml.get_jobs", () -> ml.getJobs(r -> r.jobId(ALL)).jobs().size());
        all.put("ml.get_job_stats", () -> ml.getJobStats(r -> r.jobId(ALL)).jobs().size());
        all.put("ml.get_buckets", () -> ml.getBuckets(r -> r.jobId(JOB).expand(true)).buckets().size());
        all.put("ml.get_records", () -> ml.getRecords(r -> r.jobId(JOB)).records().size());
        all.put("ml.get_influencers", () -> ml.getInfluencers(r -> r.jobId(JOB)).influencers().size());
        all.put("ml.get_overall_buckets", () -> ml.getOverallBuckets(r -> r.jobId(ALL)).overallBuckets().size());
        all.put(
            "ml.get_categories",
            () -> ml.getCategories(r -> r.jobId(CATEGORIES).page(p -> p.size(100))).categories().size());
        all.put("ml.get_model_snapshots", () -> ml.getModelSnapshots(r -> r.jobId(JOB)).modelSnapshots().size());
        all.put(
            "ml.get_model_snapshot_upgrade_stats",
            () -> ml.getModelSnapshotUpgradeStats(r -> r.jobId(JOB).snapshotId("*")).modelSnapshotUpgrades().size() + 1);
        all.put("ml.get_datafeeds", () -> ml.getDatafeeds(r -> r.datafeedId(ALL)).datafeeds().size());
        all.put("ml.get_datafeed_stats", () -> ml.getDatafeedStats(r -> r.datafeedId(ALL)).datafeeds().size());
        all.put("ml.preview_datafeed", () -> Version.count(ml.previewDatafeed(r -> r.datafeedId(JOB), Map.class)));
        all.put("ml.get_calendars", () -> ml.getCalendars(r -> r.calendarId(JOB)).calendars().size());
        all.put("ml.get_calendar_events", () -> ml.getCalendarEvents(r -> r.calendarId(JOB)).events().size());
        all.put("ml.get_filters", () -> ml.getFilters(r -> r.filterId(JOB)).filters().size());
        all.put("ml.get_memory_stats", () -> ml.getMemoryStats().nodes().size());
        all.put("cat.ml_jobs", () -> Version.count(cat.mlJobs(r -> r.jobId(ALL))));
        all.put("cat.ml_datafeeds", () -> Version.count(cat.mlDatafeeds(r -> r.datafeedId(ALL))));
        return all;
    }
}
