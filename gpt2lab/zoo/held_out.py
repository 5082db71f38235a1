"""Twelve paragraphs of Jane Austen that the course's English model has not read.

A model's results on its training text or on text of its own are too good. These paragraphs come from the
ends of the novels, the last 5 % of each, on which the model was evaluated and never trained (``tasks.text``).
They were picked by length (84 to 128 tokens) and content, before anything was measured on them.

Source: Jane Austen's novels, in the file that ``load_toy("english").provenance["text"]`` names; public domain.
"""

from __future__ import annotations

AUSTEN = (
    # Sense and Sensibility
    "Her family had of late been exceedingly fluctuating. For many years of her life she had had two sons; "
    "but the crime and annihilation of Edward a few weeks ago, had robbed her of one; the similar "
    "annihilation of Robert had left her for a fortnight without any; and now, by the resuscitation of "
    "Edward, she had one again.",
    # Sense and Sensibility
    "NOW he felt astonished himself that he had never yet been to the place. But so little interest had he "
    "taken in the matter, that he owed all his knowledge of the house, garden, and glebe, extent of the "
    "parish, condition of the land, and rate of the tithes, to Elinor herself, who had heard so much of it "
    "from Colonel Brandon, and heard it with so much attention, as to be entirely mistress of the subject.",
    # Pride and Prejudice
    "Elizabeth longed to observe that Mr. Bingley had been a most delightful friend; so easily guided that "
    "his worth was invaluable; but she checked herself. She remembered that he had yet to learn to be laughed "
    "at, and it was rather too early to begin. In anticipating the happiness of Bingley, which of course was "
    "to be inferior only to his own, he continued the conversation till they reached the house. In the hall "
    "they parted.",
    # Pride and Prejudice
    '"Good gracious!" cried Mrs. Bennet, as she stood at a window the next morning, "if that disagreeable Mr. '
    "Darcy is not coming here again with our dear Bingley! What can he mean by being so tiresome as to be "
    "always coming here? I had no notion but he would go a-shooting, or something or other, and not disturb "
    "us with his company. What shall we do with him? Lizzy, you must walk out with him again, that he may not "
    "be in Bingley's way.\"",
    # Mansfield Park
    "I purposely abstain from dates on this occasion, that every one may be at liberty to fix their own, "
    "aware that the cure of unconquerable passions, and the transfer of unchanging attachments, must vary "
    "much as to time in different people. I only entreat everybody to believe that exactly at the time when "
    "it was quite natural that it should be so, and not a week earlier, Edmund did cease to care about Miss "
    "Crawford, and became as anxious to marry Fanny as Fanny herself could desire.",
    # Mansfield Park
    "Here was comfort indeed! and quite as soon as Sir Thomas could place dependence on such sources of good, "
    "Edmund was contributing to his father's ease by improvement in the only point in which he had given him "
    "pain before--improvement in his spirits. After wandering about and sitting under trees with Fanny all "
    "the summer evenings, he had so well talked his mind into submission as to be very tolerably cheerful "
    "again.",
    # Emma
    '"I am sure you were of use to me," cried Emma. "I was very often influenced rightly by you--oftener than '
    "I would own at the time. I am very sure you did me good. And if poor little Anna Weston is to be "
    "spoiled, it will be the greatest humanity in you to do as much for her as you have done for me, except "
    'falling in love with her when she is thirteen."',
    # Emma
    '"He writes like a sensible man," replied Emma, when she had read the letter. "I honour his sincerity. It '
    "is very plain that he considers the good fortune of the engagement as all on my side, but that he is not "
    "without hope of my growing, in time, as worthy of your affection, as you think me already. Had he said "
    'any thing to bear a different construction, I should not have believed him."',
    # Northanger Abbey
    "The terrified general pronounced the name of Allen with an inquiring look; and here too Thorpe had "
    "learnt his error. The Allens, he believed, had lived near them too long, and he knew the young man on "
    "whom the Fullerton estate must devolve. The general needed no more. Enraged with almost everybody in the "
    "world but himself, he set out the next day for the abbey, where his performances have been seen.",
    # Persuasion
    "Anne smiled, and let it pass. It was too pleasing a blunder for a reproach. It is something for a woman "
    "to be assured, in her eight-and-twentieth year, that she has not lost one charm of earlier youth; but "
    "the value of such homage was inexpressibly increased to Anne, by comparing it with former words, and "
    "feeling it to be the result, not the cause of a revival of his warm attachment.",
    # Persuasion
    "Their first meeting in Milsom Street afforded much to be said, but the concert still more. That evening "
    "seemed to be made up of exquisite moments. The moment of her stepping forward in the Octagon Room to "
    "speak to him: the moment of Mr Elliot's appearing and tearing her away, and one or two subsequent "
    "moments, marked by returning hope or increasing despondency, were dwelt on with energy.",
    # Persuasion
    "It cannot be doubted that Sir Walter and Elizabeth were shocked and mortified by the loss of their "
    "companion, and the discovery of their deception in her. They had their great cousins, to be sure, to "
    "resort to for comfort; but they must long feel that to flatter and follow others, without being "
    "flattered and followed in turn, is but a state of half enjoyment.",
)  # fmt: skip
"""One paragraph each; keep them in this order: stored results depend on it."""
