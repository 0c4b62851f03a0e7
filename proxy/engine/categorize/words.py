"""The words that weigh more when messages are compared: verbs and other everyday English of log messages.

Here: base forms and the few rules that undo English endings. Not here: what a word weighs (similarity.py).

    word_class(token) -> VERB | WORD | UNKNOWN
"""

from __future__ import annotations

from functools import lru_cache

UNKNOWN, WORD, VERB = 0, 1, 2

_VERBS_TEXT = """
abandon abort absorb accept access accompany accomplish account achieve acknowledge acquire act activate adapt add
address adjust administer adopt advance advertise affect aggregate agree alert align allocate allow alter amend
analyse analyze announce answer appear append apply appoint approach approve arise arrange arrive ask assemble assert
assess assign assist associate assume attach attempt attend audit authenticate authorise authorize avoid await awake
back backup balance ban bear become begin behave believe belong bind block boot bounce break bring broadcast browse
buffer build bump burn burst bypass cache calculate call cancel capture carry cast catch cause cease challenge change
charge check choose chunk circulate claim classify clean clear click clone close collapse collect collide combine come
commit communicate compact compare compensate compile complain complete comply compose compress compute concatenate
conclude condition conduct confirm conflict confuse connect consider consist consolidate construct consult consume
contact contain continue contribute control converge convert convey cool cooperate coordinate copy correct correspond
corrupt cost count cover crash crawl create cross cut damage deactivate deal debug decide declare decline decode
decommission decompress decrease decrypt dedicate default defer define degrade delay delegate delete deliver demand
demote deny depart depend deploy deprecate derive describe deserialize design destroy detach detect determine develop
deviate diagnose die diff differ digest direct disable disagree disallow disappear disassociate discard disconnect
discover dismiss dismount dispatch display dispose distinguish distribute dive divide do download drain draw drive
drop dump duplicate edit eject elapse elect elevate eliminate embed emerge emit employ empty enable encapsulate encode
encounter encrypt end enforce engage enlist enqueue ensure enter enumerate erase escalate escape establish estimate
evaluate evict examine exceed except exchange exclude execute exhaust exist exit expand expect expire explain explode
explore export expose express extend extract fade fail failover fall feed fetch fight fill filter finalise finalize
find finish fire fit fix flag flap float flood flow flush fold follow forbid force forget fork form format forward
found free freeze fulfil function fuse gain gather generate get give go grant grow guarantee guard guess halt handle
hang happen hash head heal hear heat help hibernate hide hit hold hope host identify idle ignore illustrate implement
imply import impose improve include increase increment indicate infect infer inform inherit inhibit init initialise
initialize initiate inject insert inspect install instantiate instruct insure integrate intend intercept interpret
interrupt introduce invalidate investigate invite invoke involve isolate issue iterate join judge jump justify keep
kick kill know label lack last launch lay lead leak learn leave lend let lie lift limit link list listen live load
locate lock log login logout look loop lose lower maintain make manage manipulate map mark mask match mean measure
meet merge migrate minimise mirror miss mix modify monitor mount move multiply name navigate need negotiate note
notice notify nudge number obey obtain occupy occur offer offload omit open operate optimise optimize order organise
organize originate overflow overheat overlap overload override overrun overwrite own pack page panic park parse
participate partition pass patch pause pay peer perform permit persist phase pick pin ping place plan play plug point
poll pop populate post postpone precede predict prefer prefetch prepare present preserve press presume prevent print
prioritise probe proceed process produce profile prohibit project promote prompt propagate propose protect prove
provide provision proxy prune publish pull pulse purchase purge push put qualify quarantine query queue quiesce quit
quote raise range rank rate reach react read realise reallocate reassign reauthenticate rebalance reboot rebuild
receive recharge reclaim recognise recognize recommend recompute reconcile reconfigure reconnect reconstruct record
recover recreate recruit recycle redeploy redirect redo reduce reenter refer reference refine reflect refresh refuse
regain regenerate register regret reindex reinitialize reinstall reject relate relax relay release reload relocate
rely remain remap remember remind remount remove rename render renew repair repeat repel replace replay replicate
reply report represent reproduce request require reread rerun rescan reschedule reserve reset reshard resize resolve
respond restart restore restrict result resume resurrect resync retain retire retrieve retry return reuse reveal
reverse revert review revise revoke rewind rewrite ring rise roam roll rollback rotate route run sample satisfy save
say scale scan schedule score scrape scrub seal search secure see seek seem seize select sell send sense separate
serialise serialize serve service set settle shard share shed shift shine ship show shrink shut shutdown sign signal
simplify simulate sit skip sleep slice slow smooth snapshot sniff snoop solve sort spawn speak specify spend spill
spin split spoof spread squash stabilise stack stall stamp stand start starve state stay steal step stick stop store
stream stress strip submit subscribe substitute succeed suffer suggest supersede supervise supply support suppose
suppress surge survive suspect suspend swap sweep switch synchronise synchronize tag tail take talk tamper target tell
terminate test think thrash throttle throw tick tie time timeout touch trace track train transcode transfer transform
transition translate transmit trap traverse treat trigger trim truncate trust try tune tunnel turn type unassign
unbind unblock uncover undeploy undergo understand undo unfreeze uninstall unload unlock unmount unpack unplug
unregister unsubscribe unwind update upgrade upload use utilise utilize vacate vacuum validate vanish vary verify view
violate visit vote wait wake walk want warm warn waste watch weigh wipe wish withdraw work wrap write yield zero zip
"""

_IRREGULAR_VERBS_TEXT = """
am are arisen arose ate awoke bad be became been began begun being bent bit bore borne bought bound broke broken
brought built burnt came can cannot caught chose chosen could dealt did does done drawn drew driven drove dug fallen
fed fell felt fled forbidden forgave forgot forgotten fought froze frozen gave given goes gone got gotten grew grown
had has have heard held hid hidden hung is kept knew known laid led left lent lost made may meant met might must
overran overridden overrode overwritten paid ran rang read rewritten rewrote risen rose rung said sat saw seen sent
shall shook should shown shrank shrunk slept slid sold sought spent spoke spoken spun stole stolen stood stuck swept
swollen taken taught thought threw thrown told took tore torn understood undone unwound was went were will woke woken
won wore worn would wound written wrote
"""

_OTHERS_TEXT = """
ability able abnormal above absent absolute abstract acceptable accident according accurate across action active
activity actual acute adapter adaptor addition additional adequate adjacent admin administration administrator
advanced advice after again against age agency agent agreement ahead air alarm algorithm alias alive all allocation
almost alone along already also alternate alternative although always ambiguous among amount analysis ancestor and
annotation annual anonymous another any anymore anyone anything anyway apart apparent appearance applicable
application appropriate approval april archive area argument around array arrival article artifact as aside aspect
assembly assertion asset assistance association asynchronous at atomic attack attention attribute attributes august
authentic authentication author authority authorization auto automatic automatically auxiliary availability available
average aware away axis backend background backlog backward bandwidth bank bar base baseline basic basis batch battery
because before behavior behaviour behind below benchmark beneath benefit beside besides best better between beyond big
bill binary binding bit black blank blob board body bonus book boolean border both bottom boundary box branch brand
bridge brief broad broken broker browser bucket budget bug bundle burden bus business busy but button by byte bytes
cable calendar camera campaign candidate capability capable capacity capital card care careful case catalog catalogue
category cell center central centre century certain certificate chain chair chamber chance channel chapter character
characteristic chassis cheap checkpoint checksum child children choice chronic chunk cipher circuit circumstance city
class classpath clause client clock closed closure cloud cluster cluttered code collation collection collector
collision color colour column command comment commercial common community company comparison compatibility compatible
compilation complete completed completely completion complex component composite comprehensive compression computer
concept concern concrete concurrency concurrent condition conference confidence config configurable configuration
conflict connection connectivity connector consecutive consensus consequence consistency consistent console constant
constraint constraints constructor consumer container content context contract contrary contrast controller convenient
conventional conversation conversion cookie coordinator copyright core corner corporate correct correctly
corresponding corruption counter country couple course court credential credentials credit criteria critical cron
cryptographic culture currency current currently cursor custom customer cycle cyclic daemon daily dangerous dark
dashboard data database datagram dataset datastore date day dead deadline deadlock deal debug december decision deep
default deferred definition degree deletion delivery delta demand dependency dependent deprecated depth description
descriptor desired desktop destination detail details detection detector developer development device diagnostic
diagnostics diagram dialog dictionary difference different difficult digit digital dimension direct direction
directive directly directory dirty disaster disc discovery discrepancy disk display distance distinct distributed
distribution district division document domain door double down downstream draft driver due duplicate duration during
dynamic each eager earlier early easy economy edge edition editor effect effective efficient effort either elastic
election electric electronic element eligible else email emergency employee empty enabled encoding encryption endpoint
energy engine engineer enough enterprise entire entirely entity entry enumeration environment epoch equal equipment
equivalent error especially essential estimate ethernet even event eventual eventually ever every everyone everything
evidence exact exactly example excellent exception excess excessive exchange exclusive executable execution executor
existence existing exit expected expensive experience expert expiration expiry explicit explicitly export expression
extension extent external extra extreme facility fact factor factory failure fair false family fan far fast fatal
father fault favor feature february federation fee feedback few field fifth figure file filename filesystem filter
final finally financial fine finger firewall firm firmware first flag flight float floor flow focus folder font foot
footer for force foreign forest form formal format former forth fortunately forum forward foundation fraction fragment
frame framework fraud free frequency frequent fresh friday friend from front full fully function functionality fund
further future gap garbage gateway general generation generator generic global goal gone good government grace
graceful gracefully grammar graph great green grid group growth guest guide half handler handshake hard hardware
hazard head header headers health healthy heap heartbeat heavy height help here hidden hierarchy high higher highest
history holder home honor hook horizon host hostname hot hour hourly house how however huge human hybrid hypervisor
idea ideal identical identifier identity if illegal image immediate immediately immutable impact implementation
implicit important impossible in inactive inbound incident incoming incompatible incomplete inconsistent incorrect
independent index indices individual industry infinite info information infrastructure ingress initial initially inner
input insecure inside instance instant instead institution instruction insufficient integer integrity intelligent
intent interactive interest interesting interface intermediate intermittent internal international internet
interpreter interrupt interval into invalid invalidation inventory invocation io irrelevant island item iterator
itself january java job jobs joint journal july june junior just kernel key keyboard keyring keyspace keystore keyword
kind king knowledge label lack lag language laptop large larger largest last late latency later latest latter law
layer layout lazy leader leadership leaf league learner lease least leave left legacy legal length less letter level
lexical library licence license life lifecycle lifetime light like likely limit limitation line linear link list
listener literal little live load loader local locale localhost location lock log logger logic logical login long
longer loop loss lot low lower machine magic mail main mainly major majority malformed malicious management manager
mandatory manifest manner manual manually many map mapping march margin mark market mask mass master match material
matrix matter max maximum maybe meaning meanwhile measurement mechanism media median medium meeting member membership
memory mention menu merchant message messages metadata meter method metric metrics middle middleware migration million
min mind minimum minor minute minutes mirror miscellaneous mismatch missing mission mistake mobile mode model modern
module moment monday money monitor month monthly more morning most mostly mother motion mount mouse much multicast
multiple mutable mutex mutual name named namespace narrow nation national native natural near nearly necessary
negative neighbor neighbour neither nested network neutral never nevertheless new newly news next nice night no nobody
node nodes none nonexistent nor normal normally north not nothing notice notification november now null number numeric
object objects obsolete obvious occasion october odd of off offer office officer official offline offset often ok okay
old older oldest on once one online only onto opcode open operand operation operational operator opinion opportunity
opposite optical option optional options or order ordinal ordinary organization origin original orphan orphaned other
others otherwise our out outage outbound outcome outdated outer outgoing output outside outstanding over overall
overhead owner ownership packet packets page pair panel paper paragraph parallel parameter parameters parent parity
part partial partially particular partition partner party password past patch path paths patient pattern payload
payment peak peer penalty pending people per percent percentage perfect performance perhaps period periodic
periodically permanent permission permissions permissive person personal phase phone physical picture piece pipe
pipeline plain plan planned platform player please plenty plugin plus point pointer policy poll pool poor popular
population port portal portion position positive possible possibly post potential power practice precise precision
predicate preference prefix preliminary preparation presence present presentation pressure pretty previous previously
price primary prime primitive principal principle print printer prior priority private privilege privileges
probability probably problem procedure process processor producer product production profile profit program programme
progress project promise prompt proof proper properly properties property proportion proposal protection protocol
provider proximity proxy public publication publisher purpose quality quantity quantum quarter question queue quick
quickly quiet quite quorum quota quote race rack radio random range rank rapid rare rate rather ratio raw ready real
really realm reason reasonable recent recently recipient recommendation record recovery recursive red redis redundant
reference region registration registry regular regularly relation relationship relative release relevant reliable
remote removal repeatedly replica replicas replication reply report repository representation reputation request
requester requests requirement requirements reservation resident resolution resolver resource resources respect
response responses responsible rest restriction result results retention retry reverse review rich right ring risk
road robot role rollout room root rotation rough round route router routine row rows rule rules runner runtime safe
safely safety same sample sandbox satellite saturday scalar scale scenario schedule scheduler schema scheme school
science scope score screen script seal seam search season second secondary seconds secret section sector secure
security seed segment segments selection selector self semantic semaphore sender senior sensitive sensor sentence
separate september sequence sequential serial series serious server servers service services servlet session sessions
set setting settings setup several severe severity shadow shape shard shards shared sharp sheet shell short shortly
shutdown side signal signature significant silent similar simple simultaneous since single site situation six size
skill slave sleep slight slot slots slow slower small smaller smart smooth snapshot snapshots so social socket soft
software solid solution some somebody someone something sometimes somewhere soon sorry sort sound source south space
spare special specific specification spectrum speed spike spot stable stack staff stage stale standalone standard
standby state statement static statistic statistics status step steps stick still stock stopped storage store straight
strange strategy stream streams street strength strict string strong structure stub student study stuff style subject
subnet subscription subsequent substantial subsystem success successful successfully such sudden suddenly sufficient
suffix suitable suite sum summary sunday super superuser supervisor support supported sure surface suspicious swap
switch symbol symbolic symmetric sync synchronous syntax system systems table tables tablet tail target task tasks
team technical technology telephone temperature template temporarily temporary tenant term terminal terms test text
than that the their them then theory there therefore thermal these they thick thin thing third this those though
thread threads threat three threshold through throughout throughput thursday thus ticket tier tight till time timeout
timer times timestamp title to today together token tokens tolerance tomorrow tone too tool top topic topology total
totally touch toward towards trace track trade traffic transaction transactions transient transition transmission
transparent transport tree trial trigger trip trouble true truncated trunk trust trusted truth tuesday tunnel tuple
turn twice two type types typical typically ultimate unable unauthorized unavailable uncaught unchanged uncommitted
undefined under underlying unexpected unexpectedly unhandled unhealthy unicast unified uniform union unique unit units
universal unknown unless unlikely unlimited unnecessary unreachable unreadable unrecognised unrecognized unresolved
unresponsive unsafe unsigned unspecified unstable unsuccessful unsupported until untrusted unusable unused unusual up
uplink upon upper upstream uptime url usage useful useless user username users usual usually utility utilization valid
validation validator value values variable variables variation variety various vault vector vendor verbose
verification version versions very via victim video view violation virtual virus visible vision visitor visual voice
volatile voltage volume volumes vulnerability vulnerable waiting wall warehouse warning warnings watchdog water wave
way weak web wednesday week weekly weight well west what whatever wheel when whenever where whereas whether which
while white who whole whose why wide widget width wild wildcard window windows wire wireless with within without word
words worker workers workflow workload workspace workstation world worse worst worth wrapper writer wrong year yellow
yes yesterday yet young your zone
"""

_VERBS = frozenset(_VERBS_TEXT.split()) | frozenset(_IRREGULAR_VERBS_TEXT.split())
_OTHERS = frozenset(_OTHERS_TEXT.split())


def _base_forms(token: str) -> list[str]:
    """What a token may be the inflected form of, most likely first."""
    forms = []
    for ending, stand_ins in (
        ("ies", ("y",)),
        ("ied", ("y",)),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ing", ("", "e")),
        ("ed", ("", "e")),
    ):
        if token.endswith(ending) and len(token) - len(ending) >= 2:
            stem = token[: -len(ending)]
            forms += [stem + stand_in for stand_in in stand_ins]
            if ending in ("ing", "ed") and len(stem) > 2 and stem[-1] == stem[-2]:
                forms.append(stem[:-1])
    return forms


@lru_cache(maxsize=8192)
def word_class(token: str) -> int:
    """Whether a token is a verb, another word or neither, whatever its case.

    Names and ids are mostly written in ASCII, so other letters alone are taken as a word of some language.
    """
    if not token.isascii():
        return WORD if token.isalpha() else UNKNOWN
    lowered = token.lower()
    if lowered in _VERBS:
        return VERB
    forms = _base_forms(lowered)
    if any(form in _VERBS for form in forms):
        return VERB
    if lowered in _OTHERS or any(form in _OTHERS for form in forms):
        return WORD
    return UNKNOWN
