import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch.cat.MlDatafeedsResponse;
import co.elastic.clients.elasticsearch.cat.MlJobsResponse;
import co.elastic.clients.elasticsearch.ml.PreviewDatafeedResponse;

/** What versions of the client name differently: here those from 9 on. */
final class Version {
    private static final String JSON = "application/json";

    /** Of plain JSON, since the Elasticsearch of the tests may be an 8, which refuses the media types of 9. */
    static ElasticsearchClient client(String address) {
        return ElasticsearchClient.of(config -> config.host(address).transportOptions(
            options -> options.setHeader("Accept", JSON).setHeader("Content-Type", JSON)));
    }

    static long count(MlJobsResponse answer) {
        return answer.jobs().size();
    }

    static long count(MlDatafeedsResponse answer) {
        return answer.datafeeds().size();
    }

    static long count(PreviewDatafeedResponse<?> answer) {
        return answer.documents().size();
    }
}
