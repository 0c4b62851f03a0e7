package main

import (
	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/typedapi/cat/mldatafeeds"
	"github.com/elastic/go-elasticsearch/v8/typedapi/cat/mljobs"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/flushjob"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/forecast"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getbuckets"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getcalendarevents"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getcalendars"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getcategories"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getdatafeeds"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getdatafeedstats"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getfilters"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getinfluencers"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getjobs"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getjobstats"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getmemorystats"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getmodelsnapshots"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getmodelsnapshotupgradestats"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getoverallbuckets"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/getrecords"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/info"
	"github.com/elastic/go-elasticsearch/v8/typedapi/ml/previewdatafeed"
)

// readings of all operations that read, in the names of the REST API.
func readings(server elastictransport.Interface) []reading {
	return []reading{
		of("ml.flush_job", flushjob.NewFlushJobFunc(server)(categories).CalcInterim(true).Do,
			func(a *flushjob.Response) int { return map[bool]int{true: 1}[a.Flushed] }),
		of("ml.forecast", forecast.NewForecastFunc(server)(categories).Do, func(a *forecast.Response) int { return len(a.ForecastId) }),
		of("ml.info", info.NewInfoFunc(server)().Do, func(a *info.Response) int { return len(a.NativeCode.Version) }),
		of("ml.get_jobs", getjobs.NewGetJobsFunc(server)().JobId(all).Do, func(a *getjobs.Response) int { return len(a.Jobs) }),
		of("ml.get_job_stats", getjobstats.NewGetJobStatsFunc(server)().JobId(all).Do,
			func(a *getjobstats.Response) int { return len(a.Jobs) }),
		of("ml.get_buckets", getbuckets.NewGetBucketsFunc(server)(job).Expand(true).Do,
			func(a *getbuckets.Response) int { return len(a.Buckets) }),
		of("ml.get_records", getrecords.NewGetRecordsFunc(server)(job).Do, func(a *getrecords.Response) int { return len(a.Records) }),
		of("ml.get_influencers", getinfluencers.NewGetInfluencersFunc(server)(job).Do,
			func(a *getinfluencers.Response) int { return len(a.Influencers) }),
		of("ml.get_overall_buckets", getoverallbuckets.NewGetOverallBucketsFunc(server)(all).Do,
			func(a *getoverallbuckets.Response) int { return len(a.OverallBuckets) }),
		of("ml.get_categories", getcategories.NewGetCategoriesFunc(server)(categories).Do,
			func(a *getcategories.Response) int { return len(a.Categories) }),
		of("ml.get_model_snapshots", getmodelsnapshots.NewGetModelSnapshotsFunc(server)(job).Do,
			func(a *getmodelsnapshots.Response) int { return len(a.ModelSnapshots) }),
		of("ml.get_model_snapshot_upgrade_stats", getmodelsnapshotupgradestats.NewGetModelSnapshotUpgradeStatsFunc(server)(job, "*").Do,
			func(a *getmodelsnapshotupgradestats.Response) int { return len(a.ModelSnapshotUpgrades) + 1 }),
		of("ml.get_datafeeds", getdatafeeds.NewGetDatafeedsFunc(server)().DatafeedId(all).Do,
			func(a *getdatafeeds.Response) int { return len(a.Datafeeds) }),
		of("ml.get_datafeed_stats", getdatafeedstats.NewGetDatafeedStatsFunc(server)().DatafeedId(all).Do,
			func(a *getdatafeedstats.Response) int { return len(a.Datafeeds) }),
		of("ml.preview_datafeed", previewdatafeed.NewPreviewDatafeedFunc(server)().DatafeedId(job).Do,
			func(a previewdatafeed.Response) int { return len(a) }),
		of("ml.get_calendars", getcalendars.NewGetCalendarsFunc(server)().CalendarId(job).Do,
			func(a *getcalendars.Response) int { return len(a.Calendars) }),
		of("ml.get_calendar_events", getcalendarevents.NewGetCalendarEventsFunc(server)(job).Do,
			func(a *getcalendarevents.Response) int { return len(a.Events) }),
		of("ml.get_filters", getfilters.NewGetFiltersFunc(server)().FilterId(job).Do,
			func(a *getfilters.Response) int { return len(a.Filters) }),
		of("ml.get_memory_stats", getmemorystats.NewGetMemoryStatsFunc(server)().Do,
			func(a *getmemorystats.Response) int { return len(a.Nodes) }),
		of("cat.ml_jobs", mljobs.NewMlJobsFunc(server)().JobId(all).Do, func(a mljobs.Response) int { return len(a) }),
		of("cat.ml_datafeeds", mldatafeeds.NewMlDatafeedsFunc(server)().DatafeedId(all).Do,
			func(a mldatafeeds.Response) int { return len(a) }),
	}
}
