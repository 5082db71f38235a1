# The names of the package and their modules: read by lazy_loader, by editors and by type checkers.
from .cross_attention import CrossAttention as CrossAttention
from .decoder import Decoder as Decoder
from .decoder import DecoderBlock as DecoderBlock
from .decoder import PreLNDecoder as PreLNDecoder
from .decoder import PreLNDecoderBlock as PreLNDecoderBlock
from .encoder import Encoder as Encoder
from .encoder import EncoderBlock as EncoderBlock
from .encoder import PreLNEncoder as PreLNEncoder
from .encoder import PreLNEncoderBlock as PreLNEncoderBlock
from .encoder_decoder import EncoderDecoder as EncoderDecoder
from .encoder_decoder import EncoderDecoderConfig as EncoderDecoderConfig
from .encoder_decoder import PreLNEncoderDecoder as PreLNEncoderDecoder
from .relative import T5Attention as T5Attention
from .relative import t5_buckets as t5_buckets
from .translation import translate as translate
from .translation import translate_steps as translate_steps
