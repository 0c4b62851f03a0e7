import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch.cat.MlDatafeedsResponse;
import co.elastic.clients.elasticsearch.cat.MlJobsResponse;
import co.elastic.clients.elasticsearch.ml.PreviewDatafeedResponse;
import co.elastic.clients.json.jackson.JacksonJsonpMapper;
import co.elastic.clients.transport.rest_client.RestClientTransport;
import org.apache.http.HttpHost;
import org.elasticsearch.client.RestClient;

/** What versions of the client name differently: here those before 9. */
final class Version {
    static ElasticsearchClient client(String address) {
        RestClient connection = RestClient.builder(HttpHost.create(address)).build();
        return new ElasticsearchClient(new RestClientTransport(connection, new JacksonJsonpMapper()));
    }

    static long count(MlJobsResponse answer) {
        return answer.valueBody().size();
    }

    static long count(MlDatafeedsResponse answer) {
        return answer.valueBody().size();
    }

    static long count(PreviewDatafeedResponse<?> answer) {
        return answer.valueBody().size();
    }
}
