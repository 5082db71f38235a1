"""Topics as data."""

from gpt2lab.course.topics import CHAPTERS, TOPICS


def test_topics_are_numbered_without_gaps_and_owned_by_a_chapter():
    assert sorted(TOPICS) == list(range(1, 107))
    assert {topic.chapter for topic in TOPICS.values()} <= set(CHAPTERS)
    assert len({topic.title for topic in TOPICS.values()}) == len(TOPICS)
    for topic in TOPICS.values():
        assert len(topic.takeaway.split()) > 4 and topic.takeaway[-1] in ".?", topic
